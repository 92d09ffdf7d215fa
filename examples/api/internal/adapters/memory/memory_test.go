package memory_test

import (
	"testing"

	"wherry.example/wherry/examples/api/internal/adapters/memory"
	"wherry.example/wherry/examples/api/internal/adapters/repotest"
	"wherry.example/wherry/examples/api/internal/ports"
)

func TestContract(t *testing.T) {
	repotest.Run(t, func(*testing.T) ports.Tasks { return &memory.Tasks{} })
}
