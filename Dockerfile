# alexcli on the CPU:   docker build -t alexcli . && docker run --rm alexcli
# on CUDA:              docker build -t alexcli --build-arg BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 .
#                       docker run --rm --gpus all alexcli
# By default pip's own torch is installed, which on x86-64 carries CUDA and runs on the CPU without it.
# A smaller CPU-only torch: --build-arg PIP_OPTIONS="--extra-index-url <the CPU index of pytorch.org>".
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}

ARG PIP_OPTIONS=""

# The CUDA bases bring no Python; python:slim has its own and skips this.
# hadolint ignore=DL3008
RUN if ! command -v python3 >/dev/null; then \
        apt-get update \
        && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
        && rm -rf /var/lib/apt/lists/*; \
    fi

ENV VIRTUAL_ENV=/opt/alexcli \
    PATH=/opt/alexcli/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ALEXCLI_CACHE=/work/.cache

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY conf ./conf
COPY results ./results
# The package's own requirements say which versions fit; PIP_OPTIONS may hold several words.
# hadolint ignore=DL3013,SC2086
RUN python3 -m venv "$VIRTUAL_ENV" \
    && pip install --no-cache-dir ${PIP_OPTIONS} /src

RUN useradd --create-home --uid 10001 alexcli \
    && mkdir /work \
    && chown alexcli /work
USER 10001
WORKDIR /work
VOLUME /work

ENTRYPOINT ["alexcli"]
CMD ["train"]
