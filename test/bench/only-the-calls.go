// The floor of a client in Go: the same requests over one HTTP/2 connection, files written, and nothing else. No config, no
// checks, no retries, no atomic writes. Usage: only-the-calls JOB.json; with a token in it there is no login, and no revocation.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

type job struct {
	Address, CaFile, RoleId, SecretId, Token, Output string
	Paths                                            []string
}

// As many as vaultonce has under way: over HTTP/2, and over HTTP/1.1, where each takes a connection.
const (
	streams     = 200
	connections = 16
)

type answer struct {
	Auth struct {
		ClientToken string `json:"client_token"`
	}
	Data struct {
		Data struct{ Password string }
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	var job job
	check(json.Unmarshal(text, &job))
	transport := &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: connections}
	atOnce := connections
	if job.CaFile != "" {
		atOnce = streams
		authorities, err := os.ReadFile(job.CaFile)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authorities)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	client := &http.Client{Transport: transport}
	token := job.Token
	call := func(method, path string, body []byte) (answer answer) {
		request, err := http.NewRequest(method, job.Address+"/v1/"+path, bytes.NewReader(body))
		check(err)
		if token != "" {
			request.Header.Set("X-Vault-Token", token)
		}
		response, err := client.Do(request)
		check(err)
		defer response.Body.Close()
		if response.StatusCode == http.StatusNoContent {
			return
		}
		if response.StatusCode != http.StatusOK {
			panic(path + ": " + response.Status)
		}
		check(json.NewDecoder(response.Body).Decode(&answer))
		return
	}

	if job.Token == "" {
		credentials, err := json.Marshal(map[string]string{"role_id": job.RoleId, "secret_id": job.SecretId})
		check(err)
		token = call("POST", "auth/approle/login", credentials).Auth.ClientToken
	}
	call("GET", "sys/internal/ui/mounts", nil)
	passwords := make([]string, len(job.Paths))
	var reads sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for index, path := range job.Paths {
		reads.Go(func() {
			room <- struct{}{}
			passwords[index] = call("GET", "secret/data/"+path, nil).Data.Data.Password
			<-room
		})
	}
	reads.Wait()
	var revocation sync.WaitGroup
	if job.Token == "" {
		revocation.Go(func() { call("POST", "auth/token/revoke-self", nil) })
	}
	check(os.MkdirAll(job.Output, 0o755))
	for index, password := range passwords {
		file := filepath.Join(job.Output, strconv.Itoa(index))
		check(os.WriteFile(file, fmt.Appendf(nil, "password=%s", password), 0o600))
	}
	revocation.Wait()
}
