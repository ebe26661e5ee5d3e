# Images of Starling, and of what docker-compose.yml runs beside it. Only two base images are pulled; everything else comes
# as packages of Debian and of npm. `docker build .` makes the image of Starling, the last target.

FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json rolldown.config.ts ./
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

# A top-of-rack switch: gobgpd, and what its routes are put into the kernel with.
FROM debian:bookworm-slim AS gobgpd
RUN apt-get update \
  && apt-get install --yes --no-install-recommends curl gobgpd iproute2 jq \
  && rm -rf /var/lib/apt/lists/*
CMD ["gobgpd"]

FROM debian:bookworm-slim AS etcd
RUN apt-get update \
  && apt-get install --yes --no-install-recommends etcd-client etcd-server \
  && rm -rf /var/lib/apt/lists/*
ENV ETCDCTL_API=3
CMD ["etcd"]

FROM debian:bookworm-slim AS prometheus
RUN apt-get update \
  && apt-get install --yes --no-install-recommends prometheus \
  && rm -rf /var/lib/apt/lists/*
CMD ["prometheus"]

# Runs as root: the kernel gives CAP_NET_ADMIN, which routes need, only to root or to files that carry it, and here the file
# would be node itself. Root of the container needs NET_ADMIN and nothing else beyond what Docker gives (docs/compose.md).
FROM node:20-bookworm-slim AS starling
RUN apt-get update \
  && apt-get install --yes --no-install-recommends iproute2 nftables \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/starling
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
RUN chmod 755 dist/cli/main.js dist/daemon/main.js dist/policy-agent/main.js \
  && ln -s /opt/starling/dist/cli/main.js /usr/local/bin/starling \
  && ln -s /opt/starling/dist/daemon/main.js /usr/local/bin/starlingd \
  && ln -s /opt/starling/dist/policy-agent/main.js /usr/local/bin/starling-policyd \
  && mkdir -p /etc/starling /run/starling /var/lib/starling
CMD ["starlingd", "--config", "/etc/starling/starlingd.yaml"]
