package web

func Run() {}
