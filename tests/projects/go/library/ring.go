package ring

type Ring struct{}
