#!/usr/bin/env bash
set -euo pipefail
: "${TARGET_URL:?is needed}"
while true; do
  curl -fsS "$TARGET_URL" | jq .status
  sleep "${INTERVAL:-30}"
done
