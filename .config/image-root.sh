#!/bin/sh
# Collects what Node needs to run into a directory: the binary, its libraries and the loader. Nothing else is in the image.
# Usage: image-root.sh NODE DIRECTORY
set -eu
node=$1
root=$2
mkdir -p "$root/usr/local/bin"
cp "$node" "$root/usr/local/bin/node"
ldd "$node" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
