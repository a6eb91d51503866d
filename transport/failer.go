package transport

import "github.com/go-kit/kit/endpoint"

// failed returns the business error of a response, nil if it has none.
func failed(response any) error {
	if f, ok := response.(endpoint.Failer); ok {
		return f.Failed()
	}
	return nil
}
