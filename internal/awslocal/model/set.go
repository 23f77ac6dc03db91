package model

import (
	"errors"
	"fmt"
	"strings"
)

// A Set is the models of one server. The zero Set is none.
type Set struct {
	IDs         []string // of the catalogue
	Seed        uint64
	Correlation float64 // of neighbouring draws, in [0, 1)
}

// Parse reads a list like "sqs=sqs-send-2021,apigateway=apigw-rest-warm-2gb". A service may stand in it more than once.
func Parse(list string) (ids []string, err error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		service, id, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fmt.Errorf("%q: write SERVICE=MODEL, such as sqs=sqs-send-2021", part)
		}
		m, known := Lookup(id)
		if !known {
			return nil, unknown(id)
		}
		if m.Service != service {
			return nil, fmt.Errorf("%q: %s is a model of %s", part, id, m.Service)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func unknown(id string) error {
	var names []string
	for _, m := range All() {
		names = append(names, m.ID)
	}
	return fmt.Errorf("there is no model %q; there are %s", id, strings.Join(names, ", "))
}

// Check reports everything that is wrong with s.
func (s Set) Check() error {
	var errs []error
	at := map[Place]string{}
	for _, id := range s.IDs {
		m, known := Lookup(id)
		if !known {
			errs = append(errs, unknown(id))
			continue
		}
		place := m.Place
		if place == RoundTrip { // either of the two says how long the gateway takes
			place = Handler
		}
		if other, taken := at[place]; taken {
			errs = append(errs, fmt.Errorf("%s and %s exclude each other", other, id))
		}
		at[place] = id
	}
	if s.Correlation < 0 || s.Correlation >= 1 || s.Correlation != s.Correlation {
		errs = append(errs, fmt.Errorf("correlation %v: it has to be at least 0 and below 1", s.Correlation))
	}
	return errors.Join(errs...)
}

// Has reports whether s has a model in a place.
func (s Set) Has(place Place) bool {
	_, ok := s.at(place)
	return ok
}

func (s Set) at(place Place) (Model, bool) {
	for _, id := range s.IDs {
		if m, ok := Lookup(id); ok && m.Place == place {
			return m, true
		}
	}
	return Model{}, false
}

// Sampler returns a sampler of the model in a place, or nil if there is none.
func (s Set) Sampler(place Place) *Sampler {
	m, _ := s.at(place)
	return m.Sampler(s.Seed, s.Correlation)
}

// String is what results are stamped with: "sqs-send-2021, apigw-rest-warm-2gb, seed 42", or "no model".
func (s Set) String() string {
	if len(s.IDs) == 0 {
		return "no model"
	}
	text := fmt.Sprintf("%s, seed %d", strings.Join(s.IDs, ", "), s.Seed)
	if s.Correlation != 0 {
		text += fmt.Sprintf(", correlation %v", s.Correlation)
	}
	return text
}
