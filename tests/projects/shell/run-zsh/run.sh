#!/bin/zsh
print hello
