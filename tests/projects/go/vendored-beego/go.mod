module quickstart

go 1.17

require github.com/beego/beego/v2 v2.1.0
