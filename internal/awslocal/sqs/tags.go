package sqs

import "maps"

// SQS: 50 tags on a queue, keys of 1 to 128 and values of up to 256 characters.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags applies the rules for tags, all of a queue together.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return errInvalidParameter("Too many tags added for queue. At most %d are allowed.", maxTags)
	}
	for key, value := range tags {
		if key == "" || len([]rune(key)) > maxTagKey {
			return errInvalidParameter("Tag keys must be between 1 and %d characters in length.", maxTagKey)
		}
		if len([]rune(value)) > maxTagValue {
			return errInvalidParameter("Tag values must be between 0 and %d characters in length.", maxTagValue)
		}
	}
	return nil
}

// withTags returns the tags of q with more of them; a key that is there already gets the new value.
func (q *queue) withTags(more map[string]string) (map[string]string, error) {
	all := maps.Clone(q.tags)
	maps.Copy(all, more)
	return all, checkTags(all)
}
