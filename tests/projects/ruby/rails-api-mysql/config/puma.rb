port 8085
