package breaker

// Scopes returns how many services a group knows, itself among them.
func Scopes(g *Group) (n int) {
	for range g.allScopes {
		n++
	}
	return n
}
