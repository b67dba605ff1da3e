# docker build -t fakepersonalize . && docker run --rm -p 127.0.0.1:7377:7377 fakepersonalize
FROM python:3.12-slim AS build
COPY . /src
RUN python -m venv /opt/fakepersonalize && /opt/fakepersonalize/bin/pip install --no-cache-dir /src

FROM python:3.12-slim
COPY --from=build /opt/fakepersonalize /opt/fakepersonalize
RUN useradd --uid 10001 --no-create-home personalize && install -d -o personalize /data
ENV PATH="/opt/fakepersonalize/bin:$PATH" \
    FAKEPERSONALIZE_HOST=0.0.0.0 \
    FAKEPERSONALIZE_DATA_DIR=/data
USER personalize
VOLUME /data
EXPOSE 7377
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7377/_fakepersonalize/health/ready', timeout=2)"]
ENTRYPOINT ["fakepersonalize"]
CMD ["serve"]
