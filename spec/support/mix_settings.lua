-- The options of each login of the mix.
return {
  fast = {},
  stuck = { timeout = 0.15 }, -- its host's name is never found, nor found missing
  hole = { connect_timeout = 0.2 }, -- nobody answers its first packet
  mute = { timeout = 0.25 }, -- accepts, and never says a word
  slow = { timeout = 0.3 }, -- its answer would come later
  late = {}, -- its answer comes later
  refused = {}, -- nobody listens
}
