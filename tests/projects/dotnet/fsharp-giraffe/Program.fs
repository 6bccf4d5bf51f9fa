let webApp = choose [ route "/health" >=> text "ok" ]
