//go:build mekong_no_embedded_mongodb

package local_test

import (
	"errors"
	"testing"

	"mekong/sinks/mongodb/local"
)

func TestLeftOut(t *testing.T) {
	if _, err := local.Start(t.Context(), t.TempDir()); !errors.Is(err, local.ErrLeftOut) {
		t.Errorf("Start in a program without the server: %v", err)
	}
}
