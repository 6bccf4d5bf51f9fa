#!/bin/sh
while :; do
  echo ok | nc -l -p 8081
done
