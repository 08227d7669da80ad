# Two images: `database` is PostgreSQL with pgSphere (18, or 15 as Debian has it), `web` is the service.
FROM debian:bookworm-slim AS database
ARG POSTGRESQL=18
COPY deploy/database.sh deploy/database-start.sh deploy/database-standby.sh /usr/local/bin/
RUN database.sh "$POSTGRESQL" && install -d -o postgres -g postgres /var/lib/epntap-db
USER postgres
VOLUME /var/lib/epntap-db
EXPOSE 5432
HEALTHCHECK --interval=5s --timeout=3s --retries=20 CMD ["pg_isready", "-h", "127.0.0.1", "-p", "5432"]
CMD ["database-start.sh", "/var/lib/epntap-db", "5432", "*"]

FROM python:3.11-slim-bookworm AS web
COPY . /src
RUN sh /src/deploy/web.sh /src /opt/epntap && rm -rf /src \
    && useradd --system --create-home --home-dir /var/lib/epntap epntap \
    && install -d -o epntap /var/lib/epntap/results
ENV PATH=/opt/epntap/bin:$PATH EPNTAP_HOME=/var/lib/epntap EPNTAP_HOST=0.0.0.0
USER epntap
VOLUME /var/lib/epntap/results
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --retries=6 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
CMD ["sh", "-c", "epntap init && exec epntap serve"]
