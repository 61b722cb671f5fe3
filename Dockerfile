# The base, so that a mirror's or a locally made one can take its place.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
WORKDIR /src
# First only what installs the dependencies: a change of the sources does not install them again.
COPY scripts/bootstrap scripts/bootstrap
COPY scripts/lib scripts/lib
RUN scripts/bootstrap build
COPY . .
RUN scripts/build release \
 && install -D --strip build/release/pgwarden /out/pgwarden \
 && ldd /out/pgwarden | awk '$3 ~ /^\// { print $3 }' | xargs realpath | xargs dpkg -S | cut -d: -f1 | sort -u \
      >/out/packages

FROM ${BASE}
# The packages that the binary's own libraries are from.
RUN --mount=type=bind,from=build,source=/out,target=/out \
    apt-get update \
 && xargs apt-get install -y --no-install-recommends ca-certificates </out/packages \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/pgwarden /usr/local/bin/pgwarden
USER 65532:65532
ENV PGWARDEN_LISTEN=0.0.0.0:6432
EXPOSE 6432
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["pgwarden", "health"]
ENTRYPOINT ["pgwarden"]
CMD ["run"]
