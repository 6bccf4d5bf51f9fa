module stone.example/quarry

go 1.22
