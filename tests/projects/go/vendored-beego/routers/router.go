package routers
