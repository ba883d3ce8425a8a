# Two images without a shell, a package manager, a home and /tmp, for amd64 and arm64:
#
#   docker build --tag vaultonce:0.2.0 .                     the standalone binary and its libraries
#   docker build --target node --tag vaultonce:0.2.0-node .  Node with its libraries, and the bundle
#
# Equal files make equal layers, whose files have the time SOURCE_DATE_EPOCH. For an equal digest the builder has to set its
# own times, too: `docker buildx build --output type=image,rewrite-timestamp=true`, `buildah build --timestamp 0`. Buildah
# knows the architecture from --platform only. REVISION and SOURCE_DATE_EPOCH are the commit and its time:
# --build-arg REVISION="$(git rev-parse HEAD)" --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"

# Debian's glibc, and the Node that builds. Debian's updates move the tag; to pin it, take the digest that
# `docker buildx imagetools inspect node:24.21.0-bookworm-slim` prints: --build-arg BASE=node:24.21.0-bookworm-slim@sha256:…
ARG BASE=node:24.21.0-bookworm-slim

# The libraries of the image, for its processor. The standalone image only copies them: nothing has to be emulated.
FROM ${BASE} AS base

# Compiles on the processor that builds: for another one, too.
FROM --platform=$BUILDPLATFORM ${BASE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No package runs its install script but these two, which put their programs in place.
RUN npm ci --ignore-scripts && npm rebuild esbuild bun
COPY LICENSE tsconfig.json ./
COPY .config .config
COPY src src
COPY bin bin
# What `vaultonce version` says: the commit, which is not in the context, and its time.
ARG REVISION=
ARG SOURCE_DATE_EPOCH=0
RUN node .config/build.ts

FROM build AS standalone-root
ARG TARGETARCH
ARG REVISION=
ARG SOURCE_DATE_EPOCH=0
RUN node .config/standalone.ts "linux-$TARGETARCH"
RUN --mount=type=bind,from=base,target=/base \
    node .config/image-root.ts standalone /root-of-image --target "linux-$TARGETARCH" --base /base

# The code cache belongs to one version of Node on one processor: the Node that is copied into the image makes it.
FROM base AS node-root
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/.config .config
COPY --from=build /src/bin bin
COPY --from=build /src/dist dist
RUN node .config/code-cache.ts && node .config/image-root.ts node /root-of-image

# What both have in common.
FROM scratch AS image
ARG REVISION=
LABEL org.opencontainers.image.title="vaultonce" \
      org.opencontainers.image.description="Log in to Vault or OpenBao once, fetch every declared secret in parallel, write files all or nothing, and exit." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="https://github.com/vaultonce/vaultonce" \
      org.opencontainers.image.url="https://github.com/vaultonce/vaultonce" \
      org.opencontainers.image.documentation="https://github.com/vaultonce/vaultonce/blob/main/README.md"
# Numeric, so that runAsNonRoot can be checked; any other uid works as well.
USER 65532:65532

FROM image AS node
COPY --from=node-root /root-of-image /
ENTRYPOINT ["/usr/local/bin/node", "/opt/vaultonce/bin/vaultonce.mjs"]
CMD ["render"]

# The last one is what a build without --target makes. The binary needs no more than a glibc: images of Debian, Ubuntu or
# Fedora can take it with COPY --from=vaultonce:0.2.0 /usr/local/bin/vaultonce /usr/local/bin/.
FROM image AS standalone
COPY --from=standalone-root /root-of-image /
ENTRYPOINT ["/usr/local/bin/vaultonce"]
CMD ["render"]
