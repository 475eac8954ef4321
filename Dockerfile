# ChatBridge in a container: built by the official Swift image, run by a slim Debian with nothing but the C libraries
# that the program links. scripts/check-image follows the second stage line by line where there is no Docker, and knows
# the instructions used here: add a new kind there too.

FROM swift:6.3-bookworm AS build
WORKDIR /build
COPY scripts/install-packages scripts/
COPY scripts/lib scripts/lib
RUN scripts/install-packages build
COPY . .
# Swift's own libraries go into the binary, so that the second stage needs no Swift. Symbols, half of its size, stay here.
RUN swift build -c release --static-swift-stdlib --product chatbridge \
    && strip -o /build/chatbridge "$(swift build -c release --static-swift-stdlib --show-bin-path)/chatbridge"

FROM debian:bookworm-slim AS run
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        libcmark0.30.2 \
        libcurl4 \
        libevent-core-2.1-7 \
        libhiredis0.14 \
        libpq5 \
        libsimdjson14 \
        libsqlite3-0 \
        libssl3 \
        libstdc++6 \
    && rm -rf /var/lib/apt/lists/*
# The folder is where SQLite and the spool live; a volume mounted on it or below keeps this owner.
RUN groupadd --gid 10001 chatbridge \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/chatbridge --shell /usr/sbin/nologin chatbridge \
    && install -d -o chatbridge -g chatbridge /var/lib/chatbridge /var/lib/chatbridge/spool
COPY --from=build /build/chatbridge /usr/local/bin/chatbridge
WORKDIR /var/lib/chatbridge
USER 10001:10001
# Inside a container 127.0.0.1 would be unreachable from outside of it.
ENV HOST=0.0.0.0 PORT=3000
EXPOSE 3000
# Bash's own TCP, since the image holds no curl. /health never waits for Redis, the database or the agent.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["bash", "-c", "exec 3<>\"/dev/tcp/127.0.0.1/$PORT\" && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r -t 2 status <&3 && [[ $status == 'HTTP/1.1 200 '* ]]"]
ENTRYPOINT ["chatbridge"]
CMD ["run"]
