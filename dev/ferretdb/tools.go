//go:build tools

// Package ferretdb names what dev/servers builds, so that go.mod and go.sum pin all of it.
package ferretdb

import _ "github.com/FerretDB/FerretDB/v2/cmd/ferretdb"
