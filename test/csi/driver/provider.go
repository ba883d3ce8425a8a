package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	secretsstore "sigs.k8s.io/secrets-store-csi-driver/pkg/secrets-store"
)

// As the driver's --max-call-recv-msg-size.
const largestAnswer = 4 << 20

// place is where a driver looks for a provider: <directory>/<provider>.sock, in the first directory that has one.
type place struct {
	Sockets  []string `json:"sockets"`
	Provider string   `json:"provider"`
}

var (
	buildersLock sync.Mutex
	builders     = map[string]*secretsstore.PluginClientBuilder{}
)

// clientsFor keeps connections, as a driver does.
func clientsFor(sockets []string) *secretsstore.PluginClientBuilder {
	buildersLock.Lock()
	defer buildersLock.Unlock()
	key := strings.Join(sockets, "\n")
	if builders[key] == nil {
		builders[key] = secretsstore.NewPluginClientBuilder(sockets,
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestAnswer)),
			grpc.WithUnaryInterceptor(writeDown))
	}
	return builders[key]
}

// ending is how a call ended for who made it.
type ending struct {
	OK         bool    `json:"ok"`
	Code       string  `json:"code"`
	Message    string  `json:"message"`
	DurationMs float64 `json:"durationMs"`
}

func endingOf(err error, start time.Time) ending {
	said := status.Convert(err)
	return ending{OK: err == nil, Code: said.Code().String(), Message: said.Message(), DurationMs: since(start)}
}

type versionRequest struct {
	place
	DeadlineMs int `json:"deadlineMs"`
}

type versionResult struct {
	ending
	RuntimeVersion string `json:"runtimeVersion"`
}

func version(ctx context.Context, with versionRequest) (any, error) {
	ctx, cancel := within(ctx, with.DeadlineMs)
	defer cancel()
	start := time.Now()
	client, err := clientsFor(with.Sockets).Get(ctx, with.Provider)
	if err != nil {
		return versionResult{ending: endingOf(err, start)}, nil
	}
	runtimeVersion, err := secretsstore.Version(ctx, client)
	return versionResult{ending: endingOf(err, start), RuntimeVersion: runtimeVersion}, nil
}

type mountRequest struct {
	place
	Attributes map[string]string `json:"attributes"`
	// Sent as "null" where it is absent.
	Secrets    map[string]string `json:"secrets"`
	TargetPath string            `json:"targetPath"`
	Permission json.Number       `json:"permission"`
	DeadlineMs int               `json:"deadlineMs"`
}

type mountResult struct {
	ending
	// What the driver counts the failure as.
	ErrorCode      string            `json:"errorCode"`
	ObjectVersions map[string]string `json:"objectVersions"`
	Calls          []call            `json:"calls"`
	volume
}

// mountContent asks a provider and writes its files, as the driver does when the tmpfs is mounted.
func mountContent(ctx context.Context, with mountRequest) (any, error) {
	attributes, err := json.Marshal(with.Attributes)
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(with.Secrets)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(with.TargetPath, 0o750); err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, with.DeadlineMs)
	defer cancel()
	ctx, kept, closeLedger := openLedger(ctx)
	defer closeLedger()
	start := time.Now()
	result := mountResult{}
	client, err := clientsFor(with.Sockets).Get(ctx, with.Provider)
	if err == nil {
		result.ObjectVersions, result.ErrorCode, err = secretsstore.MountContent(ctx, client, string(attributes), string(secrets),
			with.TargetPath, with.Permission.String(), nil)
	}
	result.ending, result.Calls = endingOf(err, start), kept.all()
	result.volume, err = volumeAt(with.TargetPath)
	return result, err
}
