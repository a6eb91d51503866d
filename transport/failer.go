package transport

import "github.com/go-kit/kit/endpoint"

// failureOf returns the business error of a response, nil if it has none.
func failureOf(response any) error {
	if f, ok := response.(endpoint.Failer); ok {
		return f.Failed()
	}
	return nil
}
