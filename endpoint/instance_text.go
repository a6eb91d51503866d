package endpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxInstanceText is the most that ParseInstance reads, in bytes.
const maxInstanceText = 64 << 10

// ParseInstance reads an instance as discovery systems that hold texts have it, etcd or a file:
// an address by itself, as go-kit's registrars write, or an object in JSON,
//
//	10.0.0.1:8080
//	{"address": "10.0.0.1:8080", "weight": 200, "zone": "north", "labels": {"version": "7"}}
//
// of which only the address must be there, and in which names that are not known are passed
// over. The address is not looked at but for being a text without spaces, of characters that print: what a node
// is, ParseNode or WithNodeParser says. Space around it all does not matter. Every error wraps
// ErrInstance.
func ParseInstance(text string) (Instance, error) {
	in, err := parseInstance(strings.TrimSpace(text))
	if err == nil {
		err = addressFault(in.Address)
	}
	if err != nil {
		return Instance{}, fmt.Errorf("%w %s: %w", ErrInstance, quote(text, maxText), err)
	}
	return in, nil
}

func parseInstance(text string) (in Instance, err error) {
	switch {
	case len(text) > maxInstanceText:
		return in, fmt.Errorf("it has %d bytes, %d are allowed", len(text), maxInstanceText)
	case !strings.HasPrefix(text, "{"):
		return Instance{Address: text}, nil
	case !utf8.ValidString(text):
		return in, errors.New("it is no UTF-8")
	}
	err = json.Unmarshal([]byte(text), &in)
	return in, err
}

func addressFault(address string) error {
	switch {
	case address == "":
		return errors.New("it has no address")
	case strings.ContainsFunc(address, unseen):
		return errors.New("the address has a space, or a character that does not print or is broken")
	}
	return nil
}

// String returns what ParseInstance reads as the same instance: the address by itself, if nothing else
// is told.
func (in Instance) String() string {
	if in.Weight == 0 && in.Zone == "" && len(in.Labels) == 0 && !strings.HasPrefix(in.Address, "{") {
		return in.Address
	}
	text, err := json.Marshal(in)
	if err != nil {
		panic("BUG: an Instance of texts and numbers is no JSON: " + err.Error())
	}
	return string(text)
}

// same reports whether nothing is told differently.
func (in Instance) same(other Instance) bool {
	if in.Address != other.Address || in.Weight != other.Weight || in.Zone != other.Zone || len(in.Labels) != len(other.Labels) {
		return false
	}
	for k, v := range in.Labels {
		if was, ok := other.Labels[k]; !ok || was != v {
			return false
		}
	}
	return true
}
