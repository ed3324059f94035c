--- Ends nginx, and removes its folder, when the process that started it is gone.
local ffi = require "ffi"

ffi.cdef [[ int kill(int pid, int signal); int getppid(void); ]]

local watchdog = {}

-- When a process was born tells it from a later one that was given its number. A dead process
-- whose parent never asked for it (state Z or X) is as good as gone.
local function birth(pid)
  local file = io.open(("/proc/%d/stat"):format(pid), "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  local state, rest = text:match("^.*%) (%S) (.*)$")
  if not state or state:find("[ZXx]") then
    return nil
  end
  local n = 3 -- `rest` opens with field 4 of proc(5); the start time is field 22
  for field in rest:gmatch("%S+") do
    n = n + 1
    if n == 22 then
      return field
    end
  end
end

local function remove(dir)
  os.execute(("rm -rf '%s'"):format((dir:gsub("'", [['\'']]))))
end

--- Watch a process; look twice a second.
function watchdog.start(pid, dir)
  local born = birth(pid)
  if not born and not birth(ffi.C.getppid()) then
    return -- no /proc here: `stop` must do
  end
  assert(ngx.timer.every(0.5, function(premature)
    if not premature and (not born or birth(pid) ~= born) then
      remove(dir)
      ffi.C.kill(ffi.C.getppid(), 15) -- the master ends its worker
    end
  end))
end

return watchdog
