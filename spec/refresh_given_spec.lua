-- A refresh token that is given as a reference: other processes may put a newer one there.
local bearer = require "bearer"
local rehearsal = require "spec.support.rehearsal"

describe("a refresh token that is given as a reference", function()
  local r, path, server

  local function write(text)
    local file = assert(io.open(path, "w"))
    file:write(text, "\n")
    file:close()
  end

  -- Each refresh token may be spent once; one that is spent again ends them all.
  local function new_server()
    local s = { newest = "r0", spent = {}, count = 0, sent = {} }
    function s.answer(_, request)
      local given = request.body:match "refresh_token=(%w+)"
      s.sent[#s.sent + 1] = given
      if s.loses then
        s.spent[given] = true
        return nil, "no answer"
      elseif s.status then
        return { status = s.status, headers = s.headers or {}, body = "" }
      elseif s.is_dead or s.spent[given] or given ~= s.newest then
        s.is_dead = true
        return { status = 400, headers = {}, body = '{"error":"invalid_grant"}' }
      end
      s.count = s.count + 1
      s.spent[given], s.newest = true, "r" .. s.count
      return { status = 200, headers = {}, body = ('{"access_token":"t%d","expires_in":300,'
        .. '"refresh_token":"%s"}'):format(s.count, s.newest) }
    end
    return s
  end

  before_each(function()
    r = rehearsal.new()
    path = os.tmpname()
    write "r0"
    server = new_server()
    r:play(function(...)
      return server.answer(...)
    end)
  end)

  after_each(function()
    r:stop()
    os.remove(path)
  end)

  local function login(source)
    return r:login({ retries = 2 }, { refresh_token = source, client_secret = "x" }, {
      inputs = { refresh_token = { secret = true }, client_secret = { secret = true } },
      login = { url = "https://rehearsal.invalid/login", form = {
        refresh_token = "${refresh_token}", s = "${client_secret}" } },
      refresh = rehearsal.refresh,
    })
  end

  local function reader()
    local file = assert(io.open(path))
    local text = file:read "*l"
    file:close()
    return text
  end

  local sources = {
    ["bearer.file"] = function() return bearer.file(path) end,
    ["a function"] = function() return reader end,
  }

  for name, source in pairs(sources) do
    describe("(" .. name .. ")", function()
      it("two processes, one file: the other had spent what this one remembered", function()
        local a, b = login(source()), login(source())
        assert(a:token()) -- r0 for r1
        write(server.newest)
        assert(b:token()) -- r1 for r2
        write(server.newest)
        for _ = 1, 5 do
          assert(a:refresh())
          write(server.newest)
          assert(b:refresh())
          write(server.newest)
        end
        assert.is_nil(server.is_dead)
        assert.equal(12, server.count)
      end)

      it("nobody writes what the server gives: ours is the newer", function()
        local l = login(source())
        for _ = 1, 4 do
          assert(l:refresh())
        end
        assert.same({ "r0", "r1", "r2", "r3" }, server.sent)
      end)

      it("a new one wins over ours, once; then its successors go on", function()
        local l = login(source())
        assert(l:token())
        assert(l:refresh())
        server.newest = "renewed"
        write "renewed"
        assert(l:refresh())
        assert(l:refresh())
        assert.same({ "r0", "r1", "renewed", "r3" }, server.sent)
      end)

      it("a new one is not sent twice when its answer was lost", function()
        local l = login(source())
        assert(l:token())
        assert(l:refresh())
        write "renewed"
        server.loses = true
        local _, _, err = l:refresh()
        assert.equal("network", err.code)
        server.loses = false
        r:pass(2)
        _, _, err = l:refresh()
        assert.equal("refresh_token_lost", err.code)
        r:pass(100000)
        assert.is_nil((l:token()))
        assert.same({ "r0", "r1", "renewed" }, server.sent)
        server.newest = "again"
        write "again"
        assert(l:token())
        assert.same({ "r0", "r1", "renewed", "again" }, server.sent)
      end)

      it("ours, whose answer was lost, is not sent again when the host writes it late", function()
        local l = login(source())
        assert(l:token()) -- r1
        server.loses = true
        assert.is_nil((l:refresh()))
        server.loses = false
        write "r1"
        r:pass(100)
        local _, _, err = l:refresh()
        assert.equal("refresh_token_lost", err.code)
        assert.same({ "r0", "r1" }, server.sent)
      end)

      it("a new one is sent again when the server asked to slow down", function()
        local l = login(source())
        assert(l:token())
        server.newest = "renewed"
        write "renewed"
        server.status, server.headers = 429, { ["retry-after"] = "5" }
        assert.is_nil((l:refresh()))
        r:pass(6)
        server.status = nil
        assert(l:refresh())
        assert.same({ "r0", "renewed", "renewed" }, server.sent)
      end)

      it("a client's other secret that changes is no new refresh token", function()
        local secret = "x"
        local l = r:login({ retries = 0 }, { refresh_token = source(), client_secret = function()
          return secret
        end }, {
          inputs = { refresh_token = { secret = true }, client_secret = { secret = true } },
          login = { url = "https://rehearsal.invalid/login", form = {
            refresh_token = "${refresh_token}", s = "${client_secret}" } },
        })
        assert(l:token())
        secret = "y"
        assert(l:refresh())
        assert.same({ "r0", "r1" }, server.sent)
      end)
    end)
  end

  it("a text never changes: ours is the newer", function()
    local l = login "r0"
    for _ = 1, 3 do
      assert(l:refresh())
    end
    assert.same({ "r0", "r1", "r2" }, server.sent)
  end)
end)
