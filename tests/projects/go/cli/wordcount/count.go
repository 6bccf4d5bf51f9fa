package wordcount

func Count() int { return 0 }
