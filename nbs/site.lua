-- What every page needs on its way to HTML.

local function widest(text)
  local n = 0
  for line in text:gmatch('[^\n]+') do n = math.max(n, utf8.len(line) or #line) end
  return n
end

-- Types by the names that pages use
local function short(text)
  text = text:gsub('torch%.nn%.modules%.module%.Module', 'nn.Module'):gsub('torch%.Tensor', 'Tensor')
  text = text:gsub('pathlib%.Path', 'Path'):gsub('numpy%.ndarray', 'np.ndarray'):gsub('cifar_cam%.%w+%.', '')
  return text
end

-- A long signature without comments gets a line for each parameter
local function broken(text)
  if widest(text) > 95 then text = text:gsub(', ([%a_]+:)', ',\n    %1') end
  if widest(text) > 95 then text = text:gsub("('%l+', '%l+', '%l+', '%l+', '%l+',) ", '%1\n        ') end
  return text
end

-- Links of docments are source in a signature: keep their text. What scrolls can be reached with the keyboard.
function CodeBlock(block)
  block.text = block.text:gsub('%[(`?[^%]\n]+`?)%]%(https?://[^)%s]*%)', '%1')
  if block.text:match('^def ') then block.text = broken(short(block.text)) end
  if widest(block.text) > 90 then block.attributes.tabindex = '0' end
  return block
end

-- Tables scroll, too: those of Markdown and those of pandas
function Table(tab)
  tab.attr.attributes.tabindex = '0'
  return tab
end

function RawBlock(block)
  if block.format == 'html' then block.text = block.text:gsub('<table ', '<table tabindex="0" ') end
  return block
end

-- Where the source of a function or class is shown, its signature need not be: the names that the code of a page defines
local function defined(doc)
  local names = {}
  doc:walk({CodeBlock = function(block)
    if not block.classes:includes('cell-code') then return end
    for name in ('\n' .. block.text):gmatch('\ndef ([%w_]+)') do names[name] = true end
    for name in ('\n' .. block.text):gmatch('\nclass ([%w_]+)') do names[name] = true end
  end})
  return names
end

local function without_signatures(doc)
  local names = defined(doc)
  return doc:walk({CodeBlock = function(block)
    local name = block.text:match('^def ([%w_]+)')
    if name and names[name] and not block.classes:includes('cell-code') then return {} end
  end})
end

-- Below the title of a page that is a notebook: a link to it in Colab. `colab` in _quarto.yml says where the notebooks are.
function Pandoc(doc)
  doc = without_signatures(doc)
  if not quarto then return doc end
  local root, file = quarto.project.directory, quarto.doc.input_file
  if not (root and file and file:match('%.ipynb$') and doc.meta.colab) then return doc end
  local page = pandoc.path.make_relative(file, root):gsub('\\', '/')
  local link = pandoc.Link('Open in Colab', pandoc.utils.stringify(doc.meta.colab) .. '/' .. page)
  doc.blocks:insert(1, pandoc.Div(pandoc.Plain(link), pandoc.Attr('', {'colab'})))
  return doc
end
