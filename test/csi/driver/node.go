package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	secretsstorev1 "sigs.k8s.io/secrets-store-csi-driver/apis/v1"
	secretsstore "sigs.k8s.io/secrets-store-csi-driver/pkg/secrets-store"
)

const (
	driverName   = "secrets-store.csi.k8s.io"
	nodeID       = "node-of-the-test"
	readyWithin  = 10 * time.Second
	podName      = "csi.storage.k8s.io/pod.name"
	podNamespace = "csi.storage.k8s.io/pod.namespace"
)

// settings are a driver's own: each combination is another driver.
type settings struct {
	Sockets string `json:"sockets"`
	// Whether a republish asks the provider again.
	Rotation bool `json:"rotation"`
	// How long after a change it does not.
	RotationPollIntervalMs int `json:"rotationPollIntervalMs"`
}

type driver struct {
	node    csi.NodeClient
	cluster client.Client
	stop    func()
}

var (
	driversLock sync.Mutex
	drivers     = map[settings]*driver{}
)

// driverWith starts the driver's own server, and connects to it as kubelet does.
func driverWith(with settings) (*driver, error) {
	driversLock.Lock()
	defer driversLock.Unlock()
	if started := drivers[with]; started != nil {
		return started, nil
	}
	known := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(known), secretsstorev1.AddToScheme(known)); err != nil {
		return nil, err
	}
	cluster := fake.NewClientBuilder().WithScheme(known).Build()
	directory, err := os.MkdirTemp("", "vaultonce-csi-driver-")
	if err != nil {
		return nil, err
	}
	endpoint := filepath.Join(directory, "csi.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		secretsstore.NewSecretsStoreDriver(driverName, nodeID, "unix:/"+endpoint, clientsFor([]string{with.Sockets}), cluster, cluster,
			with.Rotation, time.Duration(with.RotationPollIntervalMs)*time.Millisecond).Run(ctx)
		close(ended)
	}()
	// A connection that fails once is not tried again for a second.
	if err := exists(endpoint, readyWithin); err != nil {
		cancel()
		return nil, err
	}
	connection, err := grpc.NewClient("unix:"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		cancel()
		return nil, err
	}
	started := &driver{node: csi.NewNodeClient(connection), cluster: cluster, stop: func() {
		_ = connection.Close()
		cancel()
		<-ended
		_ = os.RemoveAll(directory)
	}}
	drivers[with] = started
	return started, nil
}

func exists(path string, within time.Duration) error {
	for end := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func stopDrivers() {
	driversLock.Lock()
	defer driversLock.Unlock()
	for _, started := range drivers {
		started.stop()
	}
}

type class struct {
	Name       string            `json:"name"`
	Namespace  string            `json:"namespace"`
	Provider   string            `json:"provider"`
	Parameters map[string]string `json:"parameters"`
}

type publishRequest struct {
	Driver        settings          `json:"driver"`
	Class         class             `json:"class"`
	VolumeID      string            `json:"volumeId"`
	TargetPath    string            `json:"targetPath"`
	VolumeContext map[string]string `json:"volumeContext"`
	Secrets       map[string]string `json:"secrets"`
	DeadlineMs    int               `json:"deadlineMs"`
}

type publishResult struct {
	ending
	// What was asked of the provider; nothing where the driver left it alone.
	Calls []call `json:"calls"`
	// The objects of the SecretProviderClassPodStatus.
	Objects []object `json:"objects"`
	volume
}

type object struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// publish is what kubelet does when a pod starts, and about every minute from then on.
func publish(ctx context.Context, with publishRequest) (any, error) {
	used, err := driverWith(with.Driver)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, with.DeadlineMs)
	defer cancel()
	if err := applyClass(ctx, used.cluster, with.Class); err != nil {
		return nil, err
	}
	ctx, kept, closeLedger := openLedger(ctx)
	defer closeLedger()
	start := time.Now()
	_, err = used.node.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{
		VolumeId:   with.VolumeID,
		TargetPath: with.TargetPath,
		VolumeCapability: &csi.VolumeCapability{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY},
		},
		Readonly:      true,
		VolumeContext: with.VolumeContext,
		Secrets:       with.Secrets,
	})
	result := publishResult{ending: endingOf(err, start), Calls: kept.all()}
	if result.Objects, err = objectsOf(context.Background(), used.cluster, with); err != nil {
		return nil, err
	}
	result.volume, err = volumeAt(with.TargetPath)
	return result, err
}

func applyClass(ctx context.Context, cluster client.Client, wanted class) error {
	made := &secretsstorev1.SecretProviderClass{
		ObjectMeta: metav1.ObjectMeta{Name: wanted.Name, Namespace: wanted.Namespace},
		Spec:       secretsstorev1.SecretProviderClassSpec{Provider: secretsstorev1.Provider(wanted.Provider), Parameters: wanted.Parameters},
	}
	err := cluster.Create(ctx, made)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	known := &secretsstorev1.SecretProviderClass{}
	if err := cluster.Get(ctx, client.ObjectKeyFromObject(made), known); err != nil {
		return err
	}
	known.Spec = made.Spec
	return cluster.Update(ctx, known)
}

func objectsOf(ctx context.Context, cluster client.Client, with publishRequest) ([]object, error) {
	namespace := with.VolumeContext[podNamespace]
	key := client.ObjectKey{Namespace: namespace, Name: with.VolumeContext[podName] + "-" + namespace + "-" + with.Class.Name}
	known := &secretsstorev1.SecretProviderClassPodStatus{}
	found := []object{}
	if err := cluster.Get(ctx, key, known); err != nil {
		return found, client.IgnoreNotFound(err)
	}
	for _, one := range known.Status.Objects {
		found = append(found, object{ID: one.ID, Version: one.Version})
	}
	return found, nil
}

type unpublishRequest struct {
	Driver     settings `json:"driver"`
	VolumeID   string   `json:"volumeId"`
	TargetPath string   `json:"targetPath"`
}

// unpublish is what kubelet does when a pod is gone. A provider hears nothing of it.
func unpublish(ctx context.Context, with unpublishRequest) (any, error) {
	used, err := driverWith(with.Driver)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, 0)
	defer cancel()
	start := time.Now()
	_, err = used.node.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: with.VolumeID, TargetPath: with.TargetPath})
	return endingOf(err, start), nil
}
