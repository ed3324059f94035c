--- What decides the pauses and the spread of renewals is chance: here it is pinned.
-- `jitter(value)`: this number in 0 … 1 each time; without: chance again.
return require("bearer.core").jitter
