// Package mlog is as much of the driver's logger as its gRPC server uses.
package mlog

import (
	"fmt"
	"os"
)

// Fatal prints an error and ends the process.
func Fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
