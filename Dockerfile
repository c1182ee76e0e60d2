# linksim with everything but TensorFlow: docker build -t linksim . && docker run --rm -v "$PWD:/work" linksim transmit photo.jpg --importance none
FROM python:3.12-slim
WORKDIR /opt/linksim
COPY pyproject.toml constraints.txt LICENSE README.md ./
COPY linksim linksim
COPY blocks blocks
COPY flowgraphs flowgraphs
COPY benches benches
COPY cli cli
COPY studio studio
RUN pip install --no-cache-dir --constraint constraints.txt '.[heif,parquet,accelerate]'
WORKDIR /work
ENTRYPOINT ["linksim"]
