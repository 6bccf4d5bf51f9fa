module acme.dev/users

go 1.22.0

require google.golang.org/grpc v1.62.0
