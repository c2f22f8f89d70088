# alexcli on the CPU:   docker build -t alexcli . && docker run --rm alexcli
# on CUDA:              docker build -t alexcli --build-arg BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 .
#                       docker run --rm --gpus all alexcli
# images and runs of this machine:
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" -v /data/images:/images:ro alexcli \
#     train data=folder data.root=/images data.val=0.1
# By default pip's own torch is installed, which on x86-64 carries CUDA and runs on the CPU without it.
# A smaller CPU-only torch: --build-arg PIP_OPTIONS="--extra-index-url <the CPU index of pytorch.org>".
ARG BASE=python:3.12-slim-bookworm

# The CUDA bases bring no Python; python:slim has its own and skips this.
FROM ${BASE} AS python
# hadolint ignore=DL3008
RUN if ! command -v python3 >/dev/null; then \
        apt-get update \
        && apt-get install -y --no-install-recommends python3 python3-venv \
        && rm -rf /var/lib/apt/lists/*; \
    fi

# The environment is made here, and what pip needs for it stays here.
FROM python AS build
ARG PIP_OPTIONS=""
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY conf ./conf
COPY results ./results
# The package's own requirements say which versions fit; PIP_OPTIONS may hold several words.
# hadolint ignore=DL3013,SC2086
RUN python3 -m venv /opt/alexcli \
    && /opt/alexcli/bin/pip install --no-cache-dir ${PIP_OPTIONS} /src

FROM python
COPY --from=build /opt/alexcli /opt/alexcli
# torch and matplotlib keep files at home and ask for the user's name, which a number given by
# --user does not have.
ENV PATH=/opt/alexcli/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/work/.cache \
    USER=alexcli \
    ALEXCLI_CACHE=/work/.cache
RUN useradd --no-create-home --home-dir /work/.cache --uid 10001 alexcli \
    && mkdir /work \
    && chown alexcli /work
USER 10001
WORKDIR /work
VOLUME /work

ENTRYPOINT ["alexcli"]
CMD ["train"]
