--- Metrics for Prometheus, from `on_event` and `status()`: a text for any HTTP server to hand out.
--
--     HUBSOFT_CLIENT_ID=3 HUBSOFT_SECRET=… HUBSOFT_USERNAME=ana@example.com HUBSOFT_PASSWORD=… \
--       lua5.4 examples/prometheus.lua erp.example.com [CA_FILE]
local bearer = require "bearer"

-- ---- series: name -> labels -> value ------------------------------------------------------

local series = {}

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function labels(list)
  local texts = {}
  for i = 1, #list, 2 do
    local value = tostring(list[i + 1]):gsub('[\\"\n]', escapes)
    texts[#texts + 1] = ('%s="%s"'):format(list[i], value)
  end
  return "{" .. table.concat(texts, ",") .. "}"
end

local function add(name, list, value)
  local key = labels(list)
  series[name] = series[name] or {}
  series[name][key] = (series[name][key] or 0) + value
end

local function set(name, list, value)
  series[name] = series[name] or {}
  series[name][labels(list)] = value
end

-- ---- what happens: counted as it does ------------------------------------------------------

local function on_event(event)
  local provider = event.provider
  if event.event == "held" then -- a call got the error of a failure before
    add("bearer_held_calls_total", { "provider", provider, "class", event.class }, 1)
    return
  end
  local kind = event.step or event.event -- login or refresh
  add("bearer_renewal_seconds_sum", { "provider", provider, "kind", kind }, event.duration)
  add("bearer_renewal_seconds_count", { "provider", provider, "kind", kind }, 1)
  if event.event == "failure" then
    add("bearer_failures_total",
      { "provider", provider, "kind", kind, "class", event.class, "code", event.code }, 1)
  end
end

-- ---- what is: asked for when Prometheus does -------------------------------------------------

local states = { "none", "fresh", "advisory", "mandatory", "expired", "closed" }

local function look_at(name, login)
  local status, own = login:status(), { "login", name }
  set("bearer_logins_total", own, status.logins)
  set("bearer_refreshes_total", own, status.refreshes)
  set("bearer_refused_tokens_total", own, status.refused)
  set("bearer_token_generation", own, status.generation)
  local left = status.expires_in or status.state == "fresh" and "+Inf" -- nobody told when it ends
  set("bearer_token_seconds_left", own, left or 0)
  set("bearer_hold_seconds", own, status.hold or 0)
  for _, state in ipairs(states) do
    set("bearer_token_state", { "login", name, "state", state }, status.state == state and 1 or 0)
  end
end

-- The name and the type of each family of series, in the order of the text.
local families = {
  { "bearer_logins_total", "counter" }, { "bearer_refreshes_total", "counter" },
  { "bearer_failures_total", "counter" }, { "bearer_held_calls_total", "counter" },
  { "bearer_refused_tokens_total", "counter" }, { "bearer_renewal_seconds", "summary" },
  { "bearer_token_generation", "gauge" }, { "bearer_token_seconds_left", "gauge" },
  { "bearer_hold_seconds", "gauge" }, { "bearer_token_state", "gauge" },
}

local function write(name, lines)
  local keys = {}
  for key in pairs(series[name] or {}) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    lines[#lines + 1] = ("%s%s %s"):format(name, key, tostring(series[name][key]))
  end
end

--- The metrics of these logins, by name, as Prometheus reads them.
local function metrics(logins)
  for name, login in pairs(logins) do
    look_at(name, login)
  end
  local lines = {}
  for _, family in ipairs(families) do
    local name, kind = family[1], family[2]
    lines[#lines + 1] = ("# TYPE %s %s"):format(name, kind)
    for _, suffix in ipairs(kind == "summary" and { "_sum", "_count" } or { "" }) do
      write(name .. suffix, lines)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- a program with metrics ------------------------------------------------------------------

local host, ca_file = arg[1], arg[2]
if not host then
  io.stderr:write("prometheus.lua HOST [CA_FILE]\n")
  os.exit(2)
end

local erp = bearer.login("hubsoft", {
  host = host,
  client_id = os.getenv "HUBSOFT_CLIENT_ID",
  client_secret = bearer.env "HUBSOFT_SECRET",
  username = os.getenv "HUBSOFT_USERNAME",
  password = bearer.env "HUBSOFT_PASSWORD",
}, { ca_file = ca_file, on_event = on_event })

for _ = 1, 3 do
  erp:request { url = "/api/v1/integracao/cliente" }
end
io.write(metrics { erp = erp })
erp:close()
