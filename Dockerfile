# On a CPU:     docker build -t mmirstd .
# On an NVIDIA GPU (the default wheels of torch hold CUDA; the driver comes from the host):
#               docker build -t mmirstd:cuda --build-arg TORCH_INDEX= .
# Run:          docker run --rm -v "$PWD:/data" mmirstd detect images --out found
#               docker run --rm --gpus all -v "$PWD:/data" mmirstd:cuda detect images --out found --device cuda:0
FROM python:3.12-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 MMCV_WITH_OPS=0

WORKDIR /opt/mmirstd
COPY requirements/default.txt requirements/default.txt
# torch and torchvision in one command; all versions are those that the tests ran with.
RUN pip install --constraint requirements/default.txt torch torchvision \
        ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"}
COPY . .
# onedl-mmcv brings opencv-python, which needs libraries of a display; the headless build does not.
RUN pip install --constraint requirements/default.txt '.[onedl,export]' \
    && pip uninstall --yes opencv-python opencv-python-headless \
    && pip install --no-deps --constraint requirements/default.txt opencv-python-headless \
    && mmirstd info

RUN useradd --create-home --uid 1000 user
USER 1000
WORKDIR /data
ENTRYPOINT ["mmirstd"]
CMD ["--help"]
