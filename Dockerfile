# syntax=docker/dockerfile:1
# The bundle needs nothing but Node: the image holds the runtime with its libraries, the start-up code and the bundle.
# No shell, no package manager, no home, no /tmp.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts && npm rebuild esbuild
COPY tsconfig.json README.md LICENSE CHANGELOG.md CONFIGURATION.md ./
COPY .config .config
COPY src src
COPY bin bin
# The code cache belongs to one version of Node: the one that is copied into the image makes it.
RUN /usr/local/bin/node .config/build.ts && sh .config/image-root.sh /usr/local/bin/node /root-of-image

FROM scratch
LABEL org.opencontainers.image.title="vaultonce" \
      org.opencontainers.image.description="Logs in to Vault or OpenBao once, fetches every secret in parallel, writes files all or nothing, and exits" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /root-of-image /
COPY --from=build /src/package.json /src/LICENSE /opt/vaultonce/
COPY --from=build /src/bin /opt/vaultonce/bin
COPY --from=build /src/dist/vaultonce.js /src/dist/vaultonce.cache /src/dist/aws-sdk.js /src/dist/pkcs12.js /src/dist/zod-schema.js /src/dist/reference.js /src/dist/words.js /src/dist/refusals.js /src/dist/other-languages.js /src/dist/refusal-meaning.js /src/dist/completion.js /src/dist/handshakes.js /src/dist/migrate.js /src/dist/THIRD-PARTY-LICENSES.txt /opt/vaultonce/dist/
# Numeric, so that runAsNonRoot can be checked; any other UID works as well.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/opt/vaultonce/bin/vaultonce.mjs"]
CMD ["render"]
