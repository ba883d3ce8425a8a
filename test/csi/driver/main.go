// Drives the socket of a provider with the code of the Secrets Store CSI driver: a command for each line of stdin, its answer for each
// line of stdout, in the order in which they end. What the driver logs goes to stderr.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

// As kubelet waits for a driver.
const kubeletTimeoutMs = 120_000

type command struct {
	ID      int             `json:"id"`
	Command string          `json:"command"`
	With    json.RawMessage `json:"with"`
}

// answer is what every command has.
type answer struct {
	ID int `json:"id"`
	// What is wrong with the command, not with what it did.
	Fault  string `json:"fault,omitempty"`
	Result any    `json:"result,omitempty"`
}

var commands = map[string]func(context.Context, json.RawMessage) (any, error){
	"version":   parsed(version),
	"mount":     parsed(mountContent),
	"publish":   parsed(publish),
	"unpublish": parsed(unpublish),
	"fake":      parsed(serveFake),
}

func main() {
	klog.InitFlags(nil)
	flag.Parse()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	answers := json.NewEncoder(os.Stdout)
	var writing sync.Mutex
	var running sync.WaitGroup
	for lines.Scan() {
		line := append([]byte(nil), lines.Bytes()...)
		running.Go(func() {
			done := perform(line)
			writing.Lock()
			defer writing.Unlock()
			if err := answers.Encode(done); err != nil {
				panic(err)
			}
		})
	}
	running.Wait()
	stopDrivers()
}

func perform(line []byte) answer {
	var asked command
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Fault: err.Error()}
	}
	run, known := commands[asked.Command]
	if !known {
		return answer{ID: asked.ID, Fault: fmt.Sprintf("there is no command %q", asked.Command)}
	}
	result, err := run(context.Background(), asked.With)
	if err != nil {
		return answer{ID: asked.ID, Fault: err.Error()}
	}
	return answer{ID: asked.ID, Result: result}
}

// parsed is a command that takes its arguments as a type.
func parsed[T any](run func(context.Context, T) (any, error)) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, text json.RawMessage) (any, error) {
		var with T
		if err := json.Unmarshal(text, &with); err != nil {
			return nil, err
		}
		return run(ctx, with)
	}
}

func within(ctx context.Context, milliseconds int) (context.Context, context.CancelFunc) {
	if milliseconds == 0 {
		milliseconds = kubeletTimeoutMs
	}
	return context.WithTimeout(ctx, time.Duration(milliseconds)*time.Millisecond)
}
