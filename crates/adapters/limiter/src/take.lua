-- Counts one request in every window of its class, or in none when one of them is used up.
-- KEYS[1]: the counters of one caller. ARGV: 1 to count or 0 to look, then for each window its name, budget, length in ms.
-- Answers {1 when refused, the time in ms, then for each window what is used and when it ends in ms}.
-- All replicas go by this clock, and nothing runs between the reading and the writing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local refused, last, windows = 0, now, {}
for i = 2, #ARGV, 3 do
  local name, budget, length = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local kept = redis.call('HMGET', KEYS[1], name .. ':used', name .. ':ends')
  local used, ends = tonumber(kept[1]), tonumber(kept[2])
  -- A window that ends later than it could was made by a clock that has since been put back.
  if not used or not ends or ends <= now or ends > now + length then
    used, ends = 0, now + length
  end
  if used >= budget then
    refused = 1
  end
  last = math.max(last, ends)
  windows[#windows + 1] = {name, used, ends}
end
local counts = refused == 0 and ARGV[1] == '1'
local answer = {refused, now}
for _, window in ipairs(windows) do
  local name, used, ends = window[1], window[2], window[3]
  if counts then
    used = used + 1
    redis.call('HSET', KEYS[1], name .. ':used', string.format('%.0f', used), name .. ':ends', string.format('%.0f', ends))
  end
  answer[#answer + 1] = used
  answer[#answer + 1] = ends
end
-- The counters of other classes under the same key may live longer.
if counts and redis.call('PTTL', KEYS[1]) < last - now then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', last - now))
end
return answer
