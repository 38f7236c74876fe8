# Stands in for the full `python` image where only the slim one is at hand: the packages that docker-library's
# buildpack-deps and python add, https://github.com/docker-library/buildpack-deps/tree/master/debian/bookworm (curl, scm and
# the directory itself) and https://github.com/docker-library/python/blob/master/3.11/bookworm/Dockerfile, seen 2026-11-22.
# Python itself is the slim image's. docker buildx build --tag python-full:3.11 --file full_python.Dockerfile .
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
    autoconf automake bzip2 ca-certificates curl default-libmysqlclient-dev dpkg-dev file g++ gcc git git-lfs gnupg \
    imagemagick libbluetooth-dev libbz2-dev libc6-dev libcurl4-openssl-dev libdb-dev libevent-dev libffi-dev libgdbm-dev \
    libglib2.0-dev libgmp-dev libjpeg-dev libkrb5-dev liblzma-dev libmagickcore-dev libmagickwand-dev libmaxminddb-dev \
    libncurses5-dev libncursesw5-dev libpng-dev libpq-dev libreadline-dev libsqlite3-dev libssl-dev libtool libwebp-dev \
    libxml2-dev libxslt-dev libyaml-dev make mercurial netbase openssh-client patch procps sq subversion tk-dev unzip \
    uuid-dev wget xz-utils zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
