#!/bin/bash
# Says what it would do, again and again.
while true; do
  echo "greeting one"
  sleep 1
done
