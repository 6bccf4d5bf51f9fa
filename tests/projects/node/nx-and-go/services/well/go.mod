module oasis.example/well

go 1.22
