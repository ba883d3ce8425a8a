package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// call is one that the driver made of a provider, and how it ended.
type call struct {
	Method     string  `json:"method"`
	Attributes string  `json:"attributes"`
	Secrets    string  `json:"secrets"`
	TargetPath string  `json:"targetPath"`
	Permission string  `json:"permission"`
	Versions   int     `json:"currentObjectVersions"`
	Code       string  `json:"code"`
	Message    string  `json:"message"`
	Bytes      int     `json:"bytes"`
	Ms         float64 `json:"ms"`
}

// ledger keeps the calls of one command. The driver's own server hands on the context of its caller, metadata included.
type ledger struct {
	lock  sync.Mutex
	calls []call
}

const ledgerKey = "x-ledger"

var (
	ledgers    sync.Map
	lastLedger int
	ledgerLock sync.Mutex
)

// openLedger returns a context whose calls are written down, on whichever side of a connection they are made.
func openLedger(ctx context.Context) (context.Context, *ledger, func()) {
	ledgerLock.Lock()
	lastLedger++
	key := strconv.Itoa(lastLedger)
	ledgerLock.Unlock()
	opened := &ledger{calls: []call{}}
	ledgers.Store(key, opened)
	ctx = metadata.NewIncomingContext(ctx, metadata.Pairs(ledgerKey, key))
	ctx = metadata.AppendToOutgoingContext(ctx, ledgerKey, key)
	return ctx, opened, func() { ledgers.Delete(key) }
}

func ledgerOf(ctx context.Context) *ledger {
	incoming, _ := metadata.FromIncomingContext(ctx)
	for _, key := range incoming.Get(ledgerKey) {
		if found, ok := ledgers.Load(key); ok {
			return found.(*ledger)
		}
	}
	return nil
}

func (l *ledger) all() []call {
	l.lock.Lock()
	defer l.lock.Unlock()
	return append([]call{}, l.calls...)
}

// writeDown is what the driver's connections to providers have in addition.
func writeDown(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	kept := ledgerOf(ctx)
	start := time.Now()
	// The key of the ledger is nothing that a provider should see.
	err := invoke(metadata.NewOutgoingContext(ctx, metadata.MD{}), method, request, reply, connection, options...)
	if kept == nil {
		return err
	}
	said := status.Convert(err)
	made := call{Method: method, Code: said.Code().String(), Message: said.Message(), Ms: since(start)}
	if asked, ok := request.(*v1alpha1.MountRequest); ok {
		made.Attributes, made.Secrets = asked.Attributes, asked.Secrets
		made.TargetPath, made.Permission = asked.TargetPath, asked.Permission
		made.Versions = len(asked.CurrentObjectVersion)
	}
	if answered, ok := reply.(proto.Message); ok && err == nil {
		made.Bytes = proto.Size(answered)
	}
	kept.lock.Lock()
	defer kept.lock.Unlock()
	kept.calls = append(kept.calls, made)
	return err
}

func since(start time.Time) float64 {
	return float64(time.Since(start).Microseconds()) / 1000
}
