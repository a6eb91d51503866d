// Package profilesvc is go-kit's example of a service that keeps profiles
// (github.com/go-kit/examples/profilesvc), with four of its nine methods: the others are like them.
// It is served and called twice, by go-kit's HTTP transport and by muxkit:
//
//	go run ./examples/profilesvc/before
//	go run ./examples/profilesvc/after
//
// This package, with the service, its endpoints and its middleware, is the same for both.
// docs/from-gokit-http.md goes from the one to the other.
package profilesvc

import (
	"context"
	"errors"
	"sync"
)

// Service keeps profiles.
type Service interface {
	PostProfile(ctx context.Context, p Profile) error
	GetProfile(ctx context.Context, id string) (Profile, error)
	PutProfile(ctx context.Context, id string, p Profile) error
	DeleteProfile(ctx context.Context, id string) error
}

// Profile is that of one user.
type Profile struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// What the service says no with.
var (
	ErrInconsistentIDs = errors.New("inconsistent IDs")
	ErrAlreadyExists   = errors.New("already exists")
	ErrNotFound        = errors.New("not found")
)

// New returns a Service that keeps its profiles in memory.
func New() Service { return &memory{profiles: make(map[string]Profile)} }

type memory struct {
	mu       sync.Mutex // guards profiles
	profiles map[string]Profile
}

func (m *memory) PostProfile(_ context.Context, p Profile) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.profiles[p.ID]; ok {
		return ErrAlreadyExists
	}
	m.profiles[p.ID] = p
	return nil
}

func (m *memory) GetProfile(_ context.Context, id string) (Profile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.profiles[id]
	if !ok {
		return Profile{}, ErrNotFound
	}
	return p, nil
}

func (m *memory) PutProfile(_ context.Context, id string, p Profile) error {
	if id != p.ID {
		return ErrInconsistentIDs
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.profiles[id] = p
	return nil
}

func (m *memory) DeleteProfile(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.profiles[id]; !ok {
		return ErrNotFound
	}
	delete(m.profiles, id)
	return nil
}
