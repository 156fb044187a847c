# The study with all that it needs, from the lock: `docker build -t mnist-study . && docker run mnist-study`.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends git make && rm -rf /var/lib/apt/lists/*
WORKDIR /study
COPY . .
RUN git config --system --add safe.directory /study && make .venv/installed
EXPOSE 5000
CMD ["make", "repro"]
