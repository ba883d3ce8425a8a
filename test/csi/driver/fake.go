package main

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"sigs.k8s.io/secrets-store-csi-driver/provider/fake"
	"sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

type fakeRequest struct {
	Socket  string            `json:"socket"`
	Objects map[string]string `json:"objects"`
	Files   []struct {
		Path    string `json:"path"`
		Mode    int32  `json:"mode"`
		Content []byte `json:"content"`
	} `json:"files"`
	ErrorCode string `json:"errorCode"`
	// A message makes every call fail.
	Message string `json:"message"`
}

var (
	fakesLock sync.Mutex
	fakes     = map[string]*fake.MockCSIProviderServer{}
)

// serveFake is the driver's own provider for its tests: it answers what it is told to, from now on.
func serveFake(_ context.Context, with fakeRequest) (any, error) {
	fakesLock.Lock()
	defer fakesLock.Unlock()
	server := fakes[with.Socket]
	if server == nil {
		started, err := fake.NewMocKCSIProviderServer(with.Socket)
		if err != nil {
			return nil, err
		}
		if err := started.Start(); err != nil {
			return nil, err
		}
		server = started
		fakes[with.Socket] = server
	}
	files := make([]*v1alpha1.File, 0, len(with.Files))
	for _, one := range with.Files {
		files = append(files, &v1alpha1.File{Path: one.Path, Mode: one.Mode, Contents: one.Content})
	}
	server.SetObjects(with.Objects)
	server.SetFiles(files)
	server.SetProviderErrorCode(with.ErrorCode)
	server.SetReturnError(nil)
	if with.Message != "" {
		server.SetReturnError(status.Error(codes.Unknown, with.Message))
	}
	return struct{}{}, nil
}
