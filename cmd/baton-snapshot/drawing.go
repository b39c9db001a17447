package main

import "errors"

func (c *exportCmd) drawing(content []byte, as string) ([]byte, error) {
	return nil, errors.New("not yet")
}
