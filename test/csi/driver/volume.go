package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// volume is what a pod sees of it.
type volume struct {
	Files []file `json:"files"`
	// The directory that is shown at present: another one whenever files were written.
	Generation string `json:"generation"`
	// Of the directory, by which the driver knows when it last wrote.
	ModifiedMs int64 `json:"modifiedMs"`
}

type file struct {
	Path string `json:"path"`
	// Four octal digits.
	Mode    string `json:"mode"`
	UID     uint32 `json:"uid"`
	Content []byte `json:"content"`
}

// volumeAt reads it as a pod would, by the links that the driver shows files under.
func volumeAt(target string) (volume, error) {
	seen := volume{Files: []file{}}
	about, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return seen, nil
	}
	if err != nil {
		return seen, err
	}
	seen.ModifiedMs = about.ModTime().UnixMilli()
	if shown, err := os.Readlink(filepath.Join(target, "..data")); err == nil {
		seen.Generation = shown
	}
	err = seen.add(target, "")
	return seen, err
}

func (v *volume) add(target, below string) error {
	entries, err := os.ReadDir(filepath.Join(target, below))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		// What the driver keeps for itself.
		if below == "" && strings.HasPrefix(entry.Name(), "..") {
			continue
		}
		path := filepath.Join(below, entry.Name())
		about, err := os.Stat(filepath.Join(target, path))
		if err != nil {
			return err
		}
		if about.IsDir() {
			if err := v.add(target, path); err != nil {
				return err
			}
			continue
		}
		content, err := os.ReadFile(filepath.Join(target, path))
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		system := about.Sys().(*syscall.Stat_t)
		v.Files = append(v.Files, file{Path: path, Mode: fmt.Sprintf("%04o", system.Mode&0o7777), UID: system.Uid, Content: content})
	}
	return nil
}
